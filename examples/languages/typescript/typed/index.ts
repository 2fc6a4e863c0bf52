import * as functions from '@google-cloud/functions-framework';

interface Pair { a: number; b: number }

functions.typed<Pair, { product: number }>('multiply', ({ a, b }) => ({ product: a * b }));
