export async function POST(request: Request): Promise<Response> {
  const { zone }: { zone: string } = await request.json();
  return new Response(`time in ${zone}`, { status: 201 });
}
