interface Event {
  rawPath: string;
  queryStringParameters?: Record<string, string>;
}

enum Mood { Calm = 'calm' }

export const handler = async (event: Event): Promise<{ path: string; mood: Mood; q?: string }> => ({
  path: event.rawPath,
  mood: Mood.Calm,
  q: event.queryStringParameters?.q,
});
