export default function handler(req, res) {
  res.status(200).json({ hello: req.query.name ?? 'world', body: req.body, seen: req.cookies.seen });
}
