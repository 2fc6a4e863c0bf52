'use strict'

module.exports = async (event, context) => {
  if (event.path === '/missing') return context.status(404).fail('nothing here')
  return context
    .status(200)
    .headers({ 'X-Query': event.query.q || 'none' })
    .succeed({ body: event.body, type: event.headers['content-type'] })
}
