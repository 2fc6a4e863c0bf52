export default {
  async fetch(request) {
    return new Response('ok\n', { headers: { 'content-type': 'text/plain' } });
  },
};
