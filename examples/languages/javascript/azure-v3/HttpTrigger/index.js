module.exports = async function (context, req) {
  const name = req.params.name || (req.body && req.body.name);
  context.log('JavaScript HTTP trigger function processed a request.');
  context.res = name ? { body: `Hello, ${name}` } : { status: 400, body: 'who?' };
};
