const { app, HttpResponse } = require('@azure/functions');

app.http('echo', {
  methods: ['POST'],
  handler: async (request) => new HttpResponse({ status: 201, body: await request.text(), headers: { 'x-made': 'yes' } }),
});
