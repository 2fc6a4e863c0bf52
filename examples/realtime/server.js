const http = require('http');
const { WebSocketServer } = require('ws');

const server = http.createServer((req, res) => {
  if (req.url !== '/events') {
    res.writeHead(404).end();
    return;
  }
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  let n = 0;
  const timer = setInterval(() => {
    res.write(`id: ${++n}\ndata: tick ${n}\n\n`);
    if (n === 3) {
      clearInterval(timer);
      res.end();
    }
  }, 200);
  req.on('close', () => clearInterval(timer));
});

const sockets = new WebSocketServer({ server, path: '/chat' });
sockets.on('connection', (socket) => {
  socket.send('welcome');
  socket.on('message', (data, isBinary) => socket.send(isBinary ? data : `you said ${data}`, { binary: isBinary }));
});

server.listen(process.env.PORT || 3000);
