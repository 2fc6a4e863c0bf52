export const handler = async (event, context) => {
  const { http } = event.requestContext;
  const name = event.queryStringParameters?.name ?? 'world';
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json', 'x-request-id': context.awsRequestId },
    cookies: ['seen=yes; Path=/'],
    body: JSON.stringify({ hello: name, method: http.method, path: event.rawPath }),
  };
};
