exports.handler = async (event) => ({
  statusCode: 200,
  statusDescription: '200 OK',
  headers: { 'Content-Type': 'text/plain' },
  body: `${event.httpMethod} ${event.path} ${event.queryStringParameters.q} ${Boolean(event.requestContext.elb)}\n`,
});
