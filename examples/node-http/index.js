module.exports = (req, res) => {
  const hash = require('crypto').createHash('sha256');
  req.on('data', (chunk) => hash.update(chunk));
  req.on('end', () => {
    res.writeHead(200, { 'Content-Type': 'text/plain', 'X-Url': req.url });
    res.end(hash.digest('hex') + '\n');
  });
};
