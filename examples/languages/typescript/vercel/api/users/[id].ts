import { nameOf } from '../_names.ts';

interface Query { id: string }

export default function handler(req: { query: Query }, res: any): void {
  res.status(200).json({ name: nameOf(req.query.id) });
}
