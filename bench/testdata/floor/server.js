require('http').createServer(require('../node/index.js')).listen(process.env.PORT, '127.0.0.1');
