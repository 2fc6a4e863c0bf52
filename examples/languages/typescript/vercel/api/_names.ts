export const nameOf = (id: string): string => (id === '1' ? 'Ada' : 'nobody');
