import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';

export async function greet(request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> {
  context.log(`greet for ${request.url}`);
  return { jsonBody: { hello: request.query.get('name') ?? 'world' } };
}

app.http('greet', { methods: ['GET'], authLevel: 'anonymous', handler: greet });
