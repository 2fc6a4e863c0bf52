module.exports = (req, res) => {
  const began = process.hrtime.bigint();
  const answer = () => {
    const micros = (process.hrtime.bigint() - began) / 1000n;
    res.writeHead(200, { 'content-type': 'text/plain', 'x-handler-micros': String(micros) });
    res.end('ok\n');
  };
  const at = req.url.indexOf('sleep=');
  if (at < 0) return answer();
  setTimeout(answer, Number(req.url.slice(at + 6)));
};
