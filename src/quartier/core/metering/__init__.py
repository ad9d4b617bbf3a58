"""From readings and curves to quarter-hour energy."""
