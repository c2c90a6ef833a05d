import { expect, test } from 'vitest';
import { MessageBudget } from '../../../../src/client/domain/message-budget.js';

const takeTimes = (budget: MessageBudget, count: number, nowMs: number): number =>
  Array.from({ length: count }, () => budget.take(nowMs)).filter(Boolean).length;

test('handles the allowed number of messages in each second and counts those that it drops', () => {
  const budget = new MessageBudget(3);
  expect(takeTimes(budget, 5, 10)).toBe(3);
  expect(budget.take(1009)).toBe(false);
  expect(budget.takeDropped()).toBe(3);
  expect(budget.takeDropped()).toBe(0);
  expect(takeTimes(budget, 5, 1010)).toBe(3);
});

test('never drops messages that come at most as often as allowed', () => {
  const budget = new MessageBudget(3);
  for (let second = 0; second < 10; second++) expect(takeTimes(budget, 3, second * 1000)).toBe(3);
  expect(budget.takeDropped()).toBe(0);
});
