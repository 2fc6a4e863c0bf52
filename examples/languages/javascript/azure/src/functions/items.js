const { app } = require('@azure/functions');

app.get('items', {
  route: 'items/{id:int}/{part?}',
  handler: async (request) => ({ status: 203, jsonBody: request.params }),
});
