"""What a message of MQTT says: from a topic and its payload to readings, by a mapping."""

from quartier.formats.mqtt_mapping.mapping import BadMapping, Mapping, ValueMap, read_mapping
from quartier.formats.mqtt_mapping.translate import BadMessage, Told, translate

__all__ = [
    "BadMapping",
    "BadMessage",
    "Mapping",
    "Told",
    "ValueMap",
    "read_mapping",
    "translate",
]
