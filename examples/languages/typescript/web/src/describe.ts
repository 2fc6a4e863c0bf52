import type { IncomingMessage } from 'node:http';

export interface Description {
  method: string;
  path: string;
}

export const describe = (req: IncomingMessage): Description => ({
  method: req.method ?? '',
  path: req.url ?? '',
});
