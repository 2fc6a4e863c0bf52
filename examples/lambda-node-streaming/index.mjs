const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
  const stream = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 200,
    headers: { 'content-type': 'text/plain', 'x-style': 'streaming' },
  });
  for (const word of ['one', 'two', 'three']) {
    stream.write(word + '\n');
    await pause(200);
  }
  stream.end();
});
