import Fastify from 'fastify';

const fastify = Fastify();
fastify.get('/users/:id', async (request) => ({ id: request.params.id }));
await fastify.listen({ port: Number(process.env.PORT) || 3000, host: '0.0.0.0' });
