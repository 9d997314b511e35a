import { createLocalJobs } from '../../src/jobs/local.ts';
import { jobsContract } from '../contracts/jobs.ts';

jobsContract('in the process', async () => ({
  shared: false,
  open: async errors => createLocalJobs({ onError: (_name, error) => void errors.push(String(error)) }),
}));
