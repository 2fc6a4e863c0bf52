addEventListener('fetch', (event) => {
  event.respondWith(new Response(`hello ${new URL(event.request.url).pathname}\n`));
});
