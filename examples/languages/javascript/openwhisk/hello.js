function main(params) {
  if (params.fail) return { error: { statusCode: 422, body: { why: params.fail } } };
  if (params.page) {
    return { headers: { 'Set-Cookie': ['a=1', 'b=2'] }, statusCode: 200, body: `<h1>${params.page}</h1>` };
  }
  return { greeting: `Hello ${params.name || 'stranger'}`, method: params.__ow_method };
}
