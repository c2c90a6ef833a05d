import { describe, expect, it } from 'vitest';
import { errorOfAnswer } from '../../../../src/shared/api-client/api-error.js';

const URL = 'https://chef.example.com/organizations/acme/pushy/jobs';

describe('an answer that is no success', () => {
  it('is a conflict, in the words of the server, where a key came before with another request', () => {
    const error = errorOfAnswer(URL, 422, 'this Idempotency-Key came before with another body');
    expect(error).toMatchObject({ code: 'conflict', status: 422, isPassing: false });
    expect(error.message).toBe(`${URL}: this Idempotency-Key came before with another body (status 422)`);
  });

  it('is a lost one where a proxy in between had none, and not where the server itself says why', () => {
    expect(errorOfAnswer(URL, 502, '').isAnswerLost).toBe(true);
    expect(errorOfAnswer(URL, 504, '').isAnswerLost).toBe(true);
    expect(errorOfAnswer(URL, 502, 'Failed to connect to erchef').isAnswerLost).toBe(false);
    expect(errorOfAnswer(URL, 503, '').isAnswerLost).toBe(false);
  });
});
