export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  const stream = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 201,
    headers: { 'content-type': 'text/plain', 'x-streamed': 'yes' },
    cookies: ['a=1'],
  });
  stream.write('one,');
  await new Promise((resolve) => { setTimeout(resolve, 5); });
  stream.end('two');
});
