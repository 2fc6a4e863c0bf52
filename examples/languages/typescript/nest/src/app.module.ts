import { Controller, Get, Injectable, Module, Param } from '@nestjs/common';

@Injectable()
class Cats {
  find(id: string): { id: string; name: string } {
    return { id, name: 'Tom' };
  }
}

@Controller('cats')
class CatsController {
  constructor(private readonly cats: Cats) {}

  @Get(':id')
  find(@Param('id') id: string): { id: string; name: string } {
    return this.cats.find(id);
  }
}

@Module({ controllers: [CatsController], providers: [Cats] })
export class AppModule {}
