const Koa = require('koa');

const app = new Koa();
app.use(async (ctx) => {
  ctx.body = { path: ctx.path, query: ctx.query };
});
module.exports = app;
