export default {
  port: 3000,
  fetch(request) {
    return new Response(`Bun-style ${new URL(request.url).pathname}\n`);
  },
};
