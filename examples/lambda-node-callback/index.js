exports.handler = (event, context, callback) => {
  const body = event.body ? JSON.parse(event.body) : {};
  setTimeout(() => {
    if (body.fail) return callback(new Error('asked to fail'));
    callback(null, { statusCode: 200, body: `doubled: ${body.number * 2}` });
  }, 5);
};
