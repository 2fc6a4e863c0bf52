exports.api = {
  handler(event, context, callback) {
    callback(null, {
      statusCode: '200',
      multiValueHeaders: { 'Set-Cookie': ['a=1', 'b=2'] },
      body: JSON.stringify({
        resource: event.resource,
        proxy: event.pathParameters && event.pathParameters.proxy,
        tags: event.multiValueQueryStringParameters && event.multiValueQueryStringParameters.tag,
        form: event.body,
        stage: event.requestContext.stage,
      }),
    });
  },
  broken(event, context, callback) {
    callback(null, { statusCode: 200, message: 'nobody knows this member' });
  },
};
