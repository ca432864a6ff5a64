export { PriceTable } from "./PriceTable";
export type { Price } from "./prices";
