module.exports = (req, res) => {
  const name = new URL(req.url, 'http://localhost').searchParams.get('name') || 'world';
  res.setHeader('content-type', 'text/plain');
  res.end(`Hello ${name} from JavaScript\n`);
};
