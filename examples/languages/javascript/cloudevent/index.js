const functions = require('@google-cloud/functions-framework');

functions.cloudEvent('resize', (event) => ({
  specversion: '1.0',
  id: `${event.id}-done`,
  source: '/thumbnails',
  type: 'thumbnail.made',
  data: { of: event.data.name, subject: event.subject },
}));
