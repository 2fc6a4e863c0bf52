interface Params { name?: string }

export function main(params: Params): { greeting: string } {
  return { greeting: `Hello ${params.name ?? 'stranger'}` };
}
