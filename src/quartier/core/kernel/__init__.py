"""What every other part of core stands on: energy, money, time, OBIS codes, quality, findings."""
