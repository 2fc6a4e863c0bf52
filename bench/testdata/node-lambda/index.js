exports.handler = async (event) => {
  const began = process.hrtime.bigint();
  const micros = (process.hrtime.bigint() - began) / 1000n;
  return {
    statusCode: 200,
    headers: { 'content-type': 'text/plain', 'x-handler-micros': String(micros) },
    body: 'ok\n',
  };
};
