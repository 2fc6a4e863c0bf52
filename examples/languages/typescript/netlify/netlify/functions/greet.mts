interface Context { params: { name: string } }

export default async (request: Request, context: Context): Promise<Response> =>
  Response.json({ hello: context.params.name, method: request.method });

export const config = { path: '/greet/:name' };
