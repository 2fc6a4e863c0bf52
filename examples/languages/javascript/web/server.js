const http = require('node:http');

const notes = ['first'];

http.createServer((req, res) => {
  if (req.method === 'GET' && req.url === '/notes') {
    res.setHeader('content-type', 'application/json');
    return res.end(JSON.stringify(notes));
  }
  res.statusCode = 404;
  return res.end('no such page\n');
}).listen(process.env.PORT || 3000);
