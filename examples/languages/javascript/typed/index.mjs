import * as functions from '@google-cloud/functions-framework';

functions.typed('add', ({ a, b }) => ({ sum: a + b }));
