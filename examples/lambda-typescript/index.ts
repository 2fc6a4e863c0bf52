import type { APIGatewayProxyEventV2, APIGatewayProxyResultV2, Context } from 'aws-lambda';
import { slugify } from './slug';

enum Colour {
  Red = 'red',
  Green = 'green',
}

export const handler = async (
  event: APIGatewayProxyEventV2,
  context: Context,
): Promise<APIGatewayProxyResultV2> => {
  const title: string = event.queryStringParameters?.title ?? 'No Title';
  return { statusCode: 200, body: `${slugify(title)} ${Colour.Green}` };
};
