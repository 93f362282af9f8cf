/** The series of all clients. */
import { Series } from './bounded-labels.ts';
import { counters, type Family, histograms } from './family.ts';
import { Counter, Histogram } from './histogram.ts';

export class MetricsOfClients {
  readonly fields: Series<Counter>;
  readonly args: Series<Counter>;
  readonly enumValues: Series<Counter>;
  readonly errors: Series<Counter>;
  readonly durations: Series<Histogram>;
  readonly fieldDurations: Series<Histogram>;

  constructor(maxSeries: number) {
    const counts = { make: () => new Counter(), max: maxSeries };
    const times = { make: () => new Histogram(), max: maxSeries };
    this.fields = new Series(['client', 'coordinate'], counts);
    this.args = new Series(['client', 'coordinate', 'argument'], counts);
    this.enumValues = new Series(['client', 'enum', 'value'], counts);
    this.errors = new Series(['client', 'coordinate', 'code'], counts);
    this.durations = new Series(['client', 'kind', 'operation', 'outcome'], times);
    this.fieldDurations = new Series(['client', 'connector', 'coordinate'], times);
  }

  families(): readonly Family[] {
    return [
      counters(
        { name: 'hem_field_used_total', help: 'Executed operations that select a field.' },
        this.fields,
      ),
      counters(
        { name: 'hem_argument_used_total', help: 'Executed operations that give an argument.' },
        this.args,
      ),
      counters(
        { name: 'hem_enum_value_used_total', help: 'Executed operations that give an enum value.' },
        this.enumValues,
      ),
      counters(
        { name: 'hem_errors_total', help: 'Errors in answers, by the field that has them.' },
        this.errors,
      ),
      histograms(
        { name: 'hem_operation_duration_seconds', help: 'How long operations took.' },
        this.durations,
      ),
      histograms(
        {
          name: 'hem_field_duration_seconds',
          help: 'From when its objects were there until a field was, of a sample of operations.',
        },
        this.fieldDurations,
      ),
    ];
  }
}
