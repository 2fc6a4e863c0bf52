export default async (request, context) => {
  context.cookies.set({ name: 'seen', value: '1', path: '/' });
  return new Response(`hello ${context.params.name}`);
};

export const config = { path: '/hello/:name' };
