export const prices = [
  { name: "Tea", cents: 420, reduced: false },
  { name: "Coffee", cents: 690, reduced: true },
];
