export const handler = async (event, context) => ({
  statusCode: 200,
  cookies: ['seen=1'],
  body: JSON.stringify({
    path: event.rawPath,
    method: event.requestContext.http.method,
    tags: event.queryStringParameters?.tag,
    function: context.functionName,
    left: context.getRemainingTimeInMillis() > 0,
  }),
});
