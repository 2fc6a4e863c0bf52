import { cloudEvent } from '@google-cloud/functions-framework';

interface Order { total: number }

cloudEvent<Order>('charge', (event) => ({ charged: event.data?.total, id: event.id }));
