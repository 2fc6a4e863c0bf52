// SPDX-License-Identifier: Apache-2.0

// One answer per path.
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
const encode = (text) => new TextEncoder().encode(text);
let noted = 'nothing';

const routes = {
  async show(r, env) {
    const names = ['host', 'x-forwarded-prefix', 'x-m'];
    const [host, prefix, multi] = names.map((n) => r.headers.get(n));
    const { url, method } = r;
    const text = await r.text();
    return Response.json({ url, method, host, prefix, multi, env: env.GREETING, text });
  },
  json: async (r) => Response.json({ got: await r.json() }),
  cookies: () => {
    const headers = new Headers();
    headers.append('set-cookie', 'a=1');
    headers.append('set-cookie', 'b=2');
    return new Response('x', { headers, status: 201 });
  },
  empty: () => new Response(null, { status: 204 }),
  redirect: () => Response.redirect('http://example.org/', 307),
  bytes: () => new Response(new Uint8Array([0, 255, 1])),
  blob: () => new Response(new Blob(['blob'], { type: 'text/x' })),
  form: async (r) => {
    const file = (await r.formData()).get('file');
    return new Response(file.name + ' ' + await file.text());
  },
  echo: (r) => new Response(r.body, { headers: { 'content-type': 'x/y' } }),
  count: async (r) => {
    let n = 0;
    for await (const chunk of r.body) n += chunk.length;
    return new Response(String(n));
  },
  ignore: () => new Response('early'),
  cancelbody: async (r) => {
    await r.body.cancel();
    return new Response('canceled');
  },
  later: (r, e, ctx) => {
    ctx.waitUntil(wait(50).then(() => { noted = 'noted'; }));
    return new Response('now');
  },
  noted: () => new Response(noted),
  laterfails: (r, e, ctx) => {
    ctx.waitUntil(Promise.reject(new Error('in the background')));
    ctx.passThroughOnException();
    return new Response('now');
  },
  clone: async (r) => new Response(await r.clone().text() + (r.clone().signal === r.signal)),
  throws: () => { throw new RangeError('boom'); },
  rejects: async () => {
    await wait(1);
    throw null;
  },
  string: () => 'no response',
  nothing: () => undefined,
  used: async () => {
    const r = new Response('x');
    await r.text();
    return r;
  },
  error: () => Response.error(),
  midway: () => new Response(new ReadableStream({
    async start(c) {
      c.enqueue(encode('part'));
      await wait(30);
      c.error(new RangeError('midway'));
    },
  })),
  badchunk: () => new Response(new ReadableStream({ start(c) { c.enqueue(7); } })),
  duck: () => ({
    status: 200,
    headers: new Map([['x-d', '1']]),
    body: (async function* () {
      yield 'du';
      yield Buffer.from('ck');
    })(),
  }),
  aborted: async (r) => {
    await new Promise((resolve) => {
      r.signal.addEventListener('abort', () => {
        noted = 'aborted ' + r.signal.reason.name;
        resolve();
      });
    });
    return new Response('too late');
  },
  endless: () => new Response(new ReadableStream({
    pull(c) { c.enqueue(new Uint8Array(65536)); },
    cancel() { noted = 'stopped'; },
  })),
};

export default {
  fetch(request, env, ctx) {
    const route = routes[new URL(request.url).pathname.slice(1)];
    return route ? route(request, env, ctx) : new Response('no route', { status: 404 });
  },
};
