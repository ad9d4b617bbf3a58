"""One message that cannot be kept is told to its station alone; those of others are kept."""

import asyncio
from datetime import UTC, datetime

import pytest

from quartier.field.journal import Journal
from quartier.field.ports import KnownStation, Said, StorageDown
from quartier.field.storage.database import NotUnique

STATION = KnownStation(1, 1, "one", "", is_free=True, tags=())
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Disk:
    """Keeps whole batches, and has its faults by the number of a message."""

    def __init__(self, faults):
        self.faults = faults
        self.kept, self.batches = [], 0
        self.is_free = asyncio.Event()

    async def append(self, said):
        self.batches += 1
        await self.is_free.wait()
        for one in said:
            if one.number in self.faults:
                raise self.faults[one.number]
        self.kept += [one.number for one in said]


@pytest.mark.parametrize("fault", [NotUnique("taken"), ValueError("odd")])
def test_a_fault_of_one_is_not_the_others(fault):
    async def living():
        disk = Disk({3: fault})
        journal = Journal(disk)
        running = asyncio.create_task(journal.run())
        said = [Said(STATION, n, NOW, "ocpp1.6", "a", "{}", "{}") for n in range(1, 7)]
        waiting = [asyncio.create_task(journal.append(one)) for one in said]
        await asyncio.sleep(0)
        disk.is_free.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert results == [None, None, fault, None, None, None]
        assert disk.kept == [1, 2, 4, 5, 6]
        disk.is_free.clear()
        last = asyncio.create_task(journal.append(said[0]))
        await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        with pytest.raises(StorageDown):
            await last

    asyncio.run(living())


def test_what_waits_is_kept_at_once():
    async def living():
        disk = Disk({})
        journal = Journal(disk)
        running = asyncio.create_task(journal.run())
        waiting = [
            asyncio.create_task(journal.append(Said(STATION, n, NOW, "v", "a", "{}", "{}")))
            for n in range(400)
        ]
        await asyncio.sleep(0.01)
        assert disk.kept == [], "nobody is told before it is on the disk"
        assert not any(one.done() for one in waiting)
        disk.is_free.set()
        await asyncio.gather(*waiting)
        assert disk.kept == list(range(400))
        assert disk.batches <= 2
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(living())
