// SPDX-License-Identifier: Apache-2.0

export default async (req) => {
  const { next_run, bad } = await req.clone().json().catch(() => ({}));
  console.log('got', req.method, new URL(req.url).pathname, req.headers.get('ce-type'), next_run ? 'next run' : await req.text());
  if (bad) return new Response('a bad message', { status: 500 });
};
