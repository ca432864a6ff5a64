/** One line of the list. */
export interface Price {
  name: string;
  cents: number;
  reduced: boolean;
}

export function shown(price: Price, currency: string): string {
  return `${(price.cents / 100).toFixed(2)} ${currency}`;
}
