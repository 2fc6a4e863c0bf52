// SPDX-License-Identifier: Apache-2.0

module.exports = async (req, res) => {
  let body = '';
  for await (const chunk of req) body += chunk;
  console.log('got', req.method, req.url, req.headers['ce-type'], body);
  if (body.includes('bad')) res.statusCode = 500;
  res.end();
};
